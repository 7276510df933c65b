"""The settings as a table for deploy/SETTINGS.md, so that what is documented is what is read."""

from firewall.config.environment import PREFIX
from firewall.config.model import Config
from firewall.model_tree import rows


def settings_table() -> str:
    """Every setting: its key in the file, its variable, type, default and meaning, as Markdown."""
    lines = ["| setting | variable | type | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for row in rows(Config):
        name = ".".join(row.path)
        variable = PREFIX + "__".join(step.upper() for step in row.path)
        cells = (f"`{name}`", f"`{variable}`", row.type, row.default, row.meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"
