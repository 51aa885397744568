"""`python -m ariyippu.demo.street HOME --port P`"""

import argparse
from pathlib import Path

from ariyippu.demo.street.page import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ariyippu.demo.street")
    parser.add_argument("home", type=Path)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    serve(given.home, given.port)


if __name__ == "__main__":
    main()
