"""What `drena watch` tells beside a bar."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from drena.cli.watched import note
from drena.views import JobView, ProgressDetail

DETAIL = ProgressDetail(
    done=64,
    total=160,
    unit="companies",
    phase="reading",
    rate_per_s=2.5,
    words={"companies": {"pt": "empresas", "en": "companies"}},
)
NOTHING = dict.fromkeys(field.name for field in msgspec.structs.fields(JobView))
JOB = JobView(**{**NOTHING, "id": UUID(int=1), "status": "running", "progress": 40, "progress_detail": DETAIL})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "locale, told",
    [("pt_BR.UTF-8", "64/160 empresas · 2.5/s · reading"), ("C.UTF-8", "64/160 companies · 2.5/s · reading")],
)
def test_units_are_told_in_the_language_of_the_user_and_words_nobody_translated_as_they_are(
    monkeypatch: pytest.MonkeyPatch, locale: str, told: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert note(JOB) == told
