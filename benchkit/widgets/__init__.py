"""What a person looks at, mends and labels in a notebook. A run is the same without any of it."""
