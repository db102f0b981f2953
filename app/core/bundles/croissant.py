"""A description of a dataset in Croissant 1.0: its files with their hashes, and the columns that every row has.

Source: the specification of MLCommons (docs/croissant-spec-1.0.md). Columns that only some rows have stand in the card.
"""

from collections.abc import Iterator
from typing import Any

from app.core.bundles.base import ABOUT, Facts, as_json
from app.core.bundles.features import Shape

PATH = f"{ABOUT}/croissant.json"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{
        name: f"cr:{name}"
        for name in (
            *("citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes"),
            *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
            *("repeated", "replace", "separator", "source", "subField", "transform"),
        )
    },
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
}
_TYPES = {"string": "sc:Text", "int64": "sc:Integer", "float64": "sc:Float", "bool": "sc:Boolean"}


def write_croissant(facts: Facts) -> bytes:
    """The description as JSON-LD; addresses of files lead from the folder in which it lies."""
    return as_json(
        {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": facts.slug,
            "description": facts.title,
            "distribution": [
                {
                    "@type": "cr:FileObject",
                    "@id": part.path,
                    "name": part.path,
                    "contentUrl": f"../{part.path}",
                    "contentSize": f"{part.bytes} B",
                    "encodingFormat": "application/jsonlines",
                    "sha256": part.sha256,
                }
                for part in facts.parts
            ],
            "recordSet": [
                {
                    "@type": "cr:RecordSet",
                    "@id": part.split,
                    "name": part.split,
                    "field": list(_fields(facts.features.rows, part.split, part.path)),
                }
                for part in facts.parts
            ],
        }
    )


def _fields(rows: Shape, split: str, path: str) -> Iterator[dict[str, Any]]:
    for name, shape in rows.fields.items():
        if shape.count < rows.objects:
            continue
        field = {"@type": "cr:Field", "@id": f"{split}/{name}", "name": name}
        source = {"fileObject": {"@id": path}, "extract": {"column": name}}
        if shape.scalar:
            yield {**field, "dataType": _TYPES[shape.scalar], "source": source}
        elif shape.kinds == {"list"} and shape.items is not None and shape.items.kinds == {"object"}:
            always = [key for key, one in shape.items.fields.items() if one.scalar and one.count == shape.items.objects]
            inner = [
                {
                    "@type": "cr:Field",
                    "@id": f"{split}/{name}/{key}",
                    "name": key,
                    "dataType": _TYPES[shape.items.fields[key].scalar],
                    "source": {**source, "transform": {"jsonPath": f"$[*].{key}"}},
                }
                for key in always
                if key.isidentifier()
            ]
            if inner:
                yield {**field, "repeated": True, "subField": inner}
