"""``python -m app`` is the same as ``ltt``."""

from app.cli import main

if __name__ == "__main__":
    main()
