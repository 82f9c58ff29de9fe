"""When is an image still good? When everything it was made from has the digest that was written down beside it."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from .builder import PRODUCT

IMAGE, DESCRIPTION, INPUTS = "system.squashfs", "system.json", "system.inputs"

# Files of the builder that have no say in Debian's part of the image.
_LATER = {"build.py", "inputs.py", "product.py", "vendored.txt", "normalise.py", "pack.py"}


def builder_files(source: Path) -> list[Path]:
    """What decides the Debian part of the image: the builder itself and its lists."""
    return sorted(path for path in (source / "iso").iterdir() if path.suffix in (".py", ".txt"))


def base_files(source: Path) -> list[Path]:
    """What decides Debian's part alone: a change of the product or of a later stage keeps the tree of an earlier build."""
    return [path for path in builder_files(source) if path.name not in _LATER]


def base_tree(output: Path, source: Path) -> Path:
    """Where the tree of Debian's part is kept for these inputs."""
    return output / "cache" / f"base-{digest(source, base_files(source))[:16]}"


def product_files(source: Path) -> list[Path]:
    """The product's own files, as they are copied into the image; without what Python leaves beside them."""
    files = [
        path
        for package in PRODUCT
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]
    return sorted([*files, source / "pyproject.toml"])


def digest(source: Path, files: Iterable[Path]) -> str:
    """SHA-256 over names and contents, in order."""
    whole = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        whole.update(f"{path.relative_to(source)}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def image_digest(source: Path) -> str:
    """Of everything that the whole image is made from."""
    return digest(source, [*builder_files(source), *product_files(source)])


def is_current(output: Path, wanted: str) -> bool:
    """Whether a whole image lies in `output` that was made from these inputs. Its bytes are not read again; its size is."""
    try:
        recorded = json.loads((output / INPUTS).read_bytes())
        size_bytes = json.loads((output / DESCRIPTION).read_bytes())["size_bytes"]
        return bool(recorded["digest"] == wanted and (output / IMAGE).stat().st_size == size_bytes)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def record(path: Path, wanted: str) -> None:
    """Write down what an image was made from."""
    path.write_text(json.dumps({"digest": wanted}) + "\n", encoding="utf-8")
