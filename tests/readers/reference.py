"""Run by the Python of ``.venv-readers``: reads a file with one library and prints what it found as JSON."""

import json
import sys


def read_datasets(path):
    """The rows of each split of a folder, as ``load_dataset`` gives them, without keys that are null."""
    from datasets import load_dataset

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if one is not None}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return {name: [plain(row) for row in rows] for name, rows in load_dataset(path).items()}


def read_croissant(path):
    """What is wrong with a description, and the rows of each of its sets."""
    import mlcroissant

    found = mlcroissant.Dataset(path)
    rows = {one.uuid: list(found.records(one.uuid)) for one in found.metadata.record_sets}
    return {"errors": list(found.metadata.issues.errors), "rows": rows}


def read_parquet(path):
    from pyarrow import parquet

    return parquet.read_table(path).to_pylist()


def read_xlsx(path):
    """The cells with their types; openpyxl leaves the escapes of control characters to whoever reads."""
    from openpyxl import load_workbook
    from openpyxl.utils.escape import unescape

    sheet = load_workbook(path, read_only=True).worksheets[0]
    return [[[unescape(cell.value or ""), cell.data_type] for cell in row] for row in sheet.iter_rows()]


def read_zstd(path):
    import zstandard

    with open(path, "rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read().decode()


def as_text(value):
    return value.decode() if isinstance(value, bytes) else value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    found = globals()[f"read_{sys.argv[1]}"](sys.argv[2])
    sys.stdout.write(json.dumps(found, default=as_text) + "\n")
