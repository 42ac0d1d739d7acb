"""Where we read otherwise than NVIDIA's package does, each as a named setting that can be turned back.

Every default is the corrected way. `as_published` turns all of them back at once, for comparisons with published
numbers and with the package itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loaders.errors import UsageError
from loaders.ocr.nemotron.variants import NullLink

Published = Literal["v1", "v2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """What is done to a page around the networks.

    antialias        resize with a filter as wide as the shrinking; False: bilinear between corner pixels, which drops
                     thin strokes
    tiling           cut large and elongated pages into overlapping squares; False: shrink any page to one square
    rotation         read a page again, turned, where what was read is poor or does not stand upright
    prefilter        keep only local peaks of the confidence map before suppression, as the package's V2 class does; its
                     v1 class does not, so for the same weights the two give different boxes
    null_link        "first": "nothing follows" has a score of its own; "original": on pages of fewer than 16 regions
                     the score of an empty slot stands in its place
    absent_pairs     lines that no neighbouring words join never follow each other; False: they compete with logit 0
    paragraph_order  "graph": paragraphs in the order of their first words; "original": as a Python set iterates
    true_quads       merged lines and paragraphs have quads along their text; False: axis-aligned boxes
    true_edges       `upper` is the smaller y; False: `upper` is the larger y, `lower` the smaller
    float32_boxes    False: 0-1 coordinates are rounded to float16, half a pixel at 2000
    keep_unsure      paragraphs in which no word is sure are returned too, for the pipeline to drop with that reason;
                     False: they vanish
    """

    antialias: bool = True
    tiling: bool = True
    rotation: bool = True
    prefilter: bool = True
    null_link: NullLink = "first"
    absent_pairs: bool = True
    paragraph_order: Literal["graph", "original"] = "graph"
    true_quads: bool = True
    true_edges: bool = True
    float32_boxes: bool = True
    keep_unsure: bool = True

    def __post_init__(self) -> None:
        for name, allowed in (("null_link", ("first", "original")), ("paragraph_order", ("graph", "original"))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(allowed)}")


def as_published(package: Published) -> Corrections:
    """Turn every correction back: read as NVIDIA's NemotronOCR ("v1") or NemotronOCRV2 ("v2") does."""
    if package not in ("v1", "v2"):
        raise UsageError(f"parity={package!r}; choose 'v1' (NemotronOCR) or 'v2' (NemotronOCRV2), or leave it out")
    return Corrections(
        antialias=False,
        tiling=False,
        rotation=False,
        prefilter=package == "v2",
        null_link="original",
        absent_pairs=False,
        paragraph_order="original",
        true_quads=False,
        true_edges=False,
        float32_boxes=package == "v2",
        keep_unsure=False,
    )
