"""``fake-bomcontrole``, and ``python -m fake_bomcontrole``."""

from __future__ import annotations

from fake_acessorias.small import served
from fake_bomcontrole.api import make

main = served("BomControle", make)

if __name__ == "__main__":
    main(prog_name="fake-bomcontrole")
