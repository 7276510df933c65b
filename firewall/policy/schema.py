"""The JSON schemas of policies and suites, made from the models, committed, and named in each file's first line."""

import json
from pathlib import Path

from pydantic import BaseModel

from firewall.core.policy import Policy
from firewall.policy.suite import Suite

SCHEMAS: dict[str, type[BaseModel]] = {
    "policy.schema.json": Policy,
    "policy_test.schema.json": Suite,
}


def schema_text(model: type[BaseModel]) -> str:
    """The schema as it is committed: indented, with a line end."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into the folder; says which files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, model in SCHEMAS.items():
        path = folder / name
        path.write_text(schema_text(model), encoding="utf-8")
        written.append(path)
    return written


def drifted_schemas(folder: Path) -> list[Path]:
    """The schema files of the folder that are missing or say something else than the models."""
    paths = {folder / name: model for name, model in SCHEMAS.items()}
    return [
        path
        for path, model in paths.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != schema_text(model)
    ]
