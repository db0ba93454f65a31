"""``python -m lowland``."""

from lowland.cli import main

if __name__ == "__main__":
    main()
