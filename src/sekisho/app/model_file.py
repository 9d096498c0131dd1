"""Models as files: what `sekisho train` wrote, read back for the decision path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

from sekisho.domain.errors import BadInput
from sekisho.scoring.forest import Forest
from sekisho.scoring.slots import Slot

SCHEMA: Final = "sekisho.model/1"


def read_model(path: Path) -> Forest:
    """The forest of a model.json (or of the folder that holds one). BadInput if it is none."""
    file = path / "model.json" if path.is_dir() else path
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["schema"] != SCHEMA:
            raise BadInput(f"{file.name}: {told['schema']!r} is not {SCHEMA}.", hint="Train anew.")
        if told["vector"] != [slot.name.lower() for slot in Slot]:
            raise BadInput(
                f"{file.name} was trained with other features (Sekisho {told['version']}).",
                hint="Train anew with this version.",
            )
        kinds = dict.fromkeys(Forest._fields, np.int32) | {
            "threshold": np.float32,
            "value": np.float64,
        }
        return Forest(**{name: np.array(told["forest"][name], kinds[name]) for name in kinds})
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", hint="Name a model.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{file.name} is not a model of Sekisho.", hint="Name the folder that train wrote."
        ) from error
