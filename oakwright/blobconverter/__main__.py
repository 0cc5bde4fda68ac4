"""``python -m oakwright.blobconverter``."""

import sys

from . import main

sys.exit(main())
