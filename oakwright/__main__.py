"""``python -m oakwright`` is the ``oakwright`` command."""

from oakwright.cli.main import main

if __name__ == "__main__":
    main()
