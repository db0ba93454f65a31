"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

python scripts/lowest_versions.py > constraints.txt
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
extras = [line for lines in project["optional-dependencies"].values() for line in lines]
for line in sorted({*project["dependencies"], *extras}):
    found = re.fullmatch(r"([\w-]+)>=([\w.]+)", line)
    if found:
        print("{}=={}".format(*found.groups()))
