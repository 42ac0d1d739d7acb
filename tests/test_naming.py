"""What a document is called, from what its metadata and its file are called."""

from __future__ import annotations

import pytest

from loaders.naming import document_name, given_title


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Annual Report to Shareholders", "Annual Report to Shareholders"),
        ("10-K - 02/21/2023 - Aurora Innovation, Inc.", "10-K - 02/21/2023 - Aurora Innovation, Inc."),
        ("Microsoft Word - Terms of Reference v2.docx", "Terms of Reference v2"),
        ("COVID-19", "COVID-19"),
        ("漢字の本", "漢字の本"),
        ("Microsoft Word - R_1.doc", ""),
        ("0001018724-18-000005", ""),
        ("495064___CLEAN_17Apr2023.PDF", ""),
        ("Untitled", ""),
        ("Document1", ""),
        ("PowerPoint Presentation", ""),
        ("-", ""),
        ("", ""),
    ],
)
def test_given_title(title: str, kept: str) -> None:
    assert given_title(title) == kept


@pytest.mark.parametrize(
    ("file_name", "title", "name"),
    [
        ("BEST_BUY_2017_10K.pdf", "", "BEST BUY 2017 10K"),
        ("report.pdf", "Twelve Months in Brannoch Sound", "report: Twelve Months in Brannoch Sound"),
        ("report.pdf", "report", "report"),
        ("a_report.pdf", "a report", "a report"),
        ("0279901b645e.pdf", "Growth", "Growth"),
        ("0001018724-18-000005.pdf", "", ""),
        ("2023-08-14.pdf", "", "2023-08-14"),
        ("/data/facade.tiff", "", "facade"),
        ("s3://bucket/minutes.v2.pdf", "", "minutes.v2"),
        ("", "", ""),
    ],
)
def test_document_name(file_name: str, title: str, name: str) -> None:
    assert document_name(file_name, title) == name
