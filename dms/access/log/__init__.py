"""Who did: the access log, the only code that touches its tables."""
