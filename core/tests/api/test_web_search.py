from __future__ import annotations

import pytest

from dinrail_core.api.web_search import in_domains


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("https://example.org", True),
        ("http://EXAMPLE.org:8080/a?b#c", True),
        ("https://example.org./", True),
        ("https://www.example.org/page", True),
        ("https://badexample.org/", False),
        ("https://example.org.evil.net/", False),
        ("https://evil.net/example.org", False),
        ("https://example.org@evil.net/", False),
        ("https://[::1", False),
        ("mailto:somebody@example.org", False),
        ("", False),
    ],
)
def test_a_page_is_inside_a_domain_by_its_host_alone(url: str, inside: bool) -> None:
    assert in_domains(url, ("other.net", "example.org")) is inside


def test_without_domains_every_page_is_inside() -> None:
    assert in_domains("https://anywhere.example/", ())
