"""What one response is worth: pure functions from texts or objects to a number, or None.

Every metric documents its formula, its range, its direction and what it gives for empty input. None means
that the reference leaves nothing to compare with: the caller makes that *unscored*, with the reason.
"""
