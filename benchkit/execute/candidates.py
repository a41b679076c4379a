"""Who is compared: a model, or the same model with another prompt or other settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import UsageError
from ..values import Execute, Name, Temperature, Tokens, refused

EXAMPLE = "- {name: short, model: openai/gpt-oss-20b, prompt_file: short.md}"


class Candidate(BaseModel):
    """What is compared, under the name that tables and figures give it; None is as in 03's parameters.

    `prompt_file` takes the place of benchkit's system prompt for both kinds of cases, and is found from the
    candidates file; `prompt` is its text.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    name: Name
    model: Name
    prompt_file: Name | None = None
    temperature: Temperature | None = None
    max_tokens: Tokens | None = None
    reasoning_effort: Name | None = None
    prompt: str = ""

    def recorded(self) -> dict[str, Any]:
        """What was given of it, as config.json keeps it: the prompt's text included."""
        return self.model_dump(exclude={"name", "prompt_file"}, exclude_defaults=True)


KEYS = [name for name in Candidate.model_fields if name != "prompt"]


def read_candidates(file: str | Path) -> list[Candidate]:
    """The candidates of a YAML file: a list of two or more.

    Raises UsageError that names the file, the candidate and the key, and says what would be usable.
    """
    path = Path(file).expanduser()
    found = [_candidate(path, at, entry) for at, entry in enumerate(_entries(path), 1)]
    if len(found) < 2:
        raise _wrong(path, "A comparison needs two or more candidates")
    named = Counter(one.name.casefold() for one in found)
    if twice := [one.name for one in found if named[one.name.casefold()] > 1]:
        raise _wrong(path, f"It names {twice[0]} twice. Give each candidate a name of its own")
    for one in found:
        if any(one.name == other.model != one.model for other in found):
            raise _wrong(path, f"{one.name} is another candidate's model. Give the candidate another name")
    return found


def models_asked(candidates_file: str, models: Sequence[str]) -> list[str]:
    """The model ids that are asked: those of the candidates where there is a file of them."""
    if not candidates_file:
        return list(models)
    return list(dict.fromkeys(one.model for one in read_candidates(candidates_file)))


def _entries(path: Path) -> list[Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        said = f"It cannot be read ({error.strerror}). Give the path of a YAML file, such as candidates.yaml."
        raise refused("candidates_file", str(path), said) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(path, f"It is no YAML ({' '.join(str(error).split())})") from error
    if not isinstance(found, list):
        raise _wrong(path, f"It holds no list. Write one candidate an entry, such as {EXAMPLE}")
    return found


def _candidate(path: Path, at: int, entry: Any) -> Candidate:
    if not isinstance(entry, Mapping):
        raise _wrong(path, f"Entry {at} is no candidate. Write it as {EXAMPLE}")
    where = f"Candidate {entry.get('name', at)}"
    if unknown := [str(key) for key in entry if key not in KEYS]:
        raise _wrong(path, f"{where} has an unknown key, {unknown[0]}. There are: {', '.join(KEYS)}")
    try:
        found = Candidate(**entry)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        if key not in entry:
            raise _wrong(path, f"{where} has no {key}. Write it as {EXAMPLE}") from None
        remedy = Execute.model_fields[key].description if key in Execute.model_fields else "Use text."
        raise _wrong(path, f"{where}: {refused(key, entry[key], remedy)}") from None
    if found.prompt_file is None:
        return found
    prompt = path.parent / Path(found.prompt_file).expanduser()
    try:
        text = prompt.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, f"{where}: prompt_file {prompt} cannot be read as UTF-8 text ({error})") from None
    if not text:
        raise _wrong(path, f"{where}: prompt_file {prompt} is empty. Write a prompt, or leave it out")
    return found.model_copy(update={"prompt": text})


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"candidates_file {path}: {what.rstrip('.')}.")
