"""``fake-onecode``, and ``python -m fake_onecode``."""

from __future__ import annotations

from fake_acessorias.small import served
from fake_onecode.api import make

main = served("OneCode", make)

if __name__ == "__main__":
    main(prog_name="fake-onecode")
