"""``python -m fake_acessorias``."""

from fake_acessorias.cli import main

if __name__ == "__main__":
    main()
