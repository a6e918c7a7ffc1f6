"""A long steady run: does anything grow that should not, and do the books balance."""
