"""Writes the dashboards of deploy/grafana.

python -m tests.deploy
"""

from tests.deploy.dashboards import FOLDER, written


def main() -> None:
    """Write them; nobody edits them by hand."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
