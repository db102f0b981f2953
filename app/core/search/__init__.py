"""Search over records in plain Python: the words of texts, the language of the one box, and what answers it."""
