"""SQLAlchemy mapped classes, one module for each noun."""
