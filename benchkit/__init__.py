"""Which of these language models should we deploy, how sure are we, and what does it cost?"""
