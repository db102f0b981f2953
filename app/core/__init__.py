"""The domain in plain Python: no Flask, no SQLAlchemy, no clock, no environment."""
