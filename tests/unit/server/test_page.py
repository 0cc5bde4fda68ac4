"""The pages as files: nothing from elsewhere, no markup out of texts, labels and names that fit."""

import re
from importlib.resources import files

import pytest

PAGE = {
    entry.name: entry.read_text()
    for entry in (files("oakwright.server") / "page").iterdir()
    if entry.name[0] != "."
}
SCRIPTS = sorted(name for name in PAGE if name.endswith(".js"))
PAGES = {"index.html": "main.js", "api.html": "docs.js"}


def imported(name):
    """A module with all it imports, itself first."""
    found, todo = [], [name]
    while todo:
        one = todo.pop()
        if one not in found:
            found.append(one)
            todo += re.findall(r'(?:from|import) "\./([\w.]+)"', PAGE[one])
    return found


def ids_made(script):
    return set(re.findall(r'\bid: "([\w-]+)"', PAGE[script]))


def test_every_file_is_served_as_it_is_and_with_rules(server):
    for name, text in PAGE.items():
        address = {"index.html": "/", "api.html": "/docs"}.get(name, f"/page/{name}")
        answer = server.get(address)
        assert answer.text == text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("../app.py", "%2e%2e/app.py", "__init__.py", "nothing.js"):
        assert server.get(f"/page/{name}").status_code == 404


@pytest.mark.parametrize("name", sorted(PAGE))
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(name):
    text = PAGE[name]
    assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert not re.search(r"new Function|\bsrcdoc\b|javascript:", text)
    assert len(text.splitlines()) < 350
    if name.endswith(".html"):
        assert not re.search(r'\s(?:style|on\w+)="', text)  # the rules would block them


@pytest.mark.parametrize("page", PAGES)
def test_every_name_that_scripts_use_is_on_the_page(page):
    ids = re.findall(r'\bid="([\w-]+)"', PAGE[page])
    assert len(ids) == len(set(ids))
    scripts = imported(PAGES[page])
    known = set(ids).union(*(ids_made(script) for script in scripts))
    for script in scripts:
        used = set(re.findall(r'\$\("([\w-]+)"\)|getElementById\("([\w-]+)"\)', PAGE[script]))
        assert {one or other for one, other in used} <= known, script


def test_every_script_is_used():
    assert set(imported("main.js")) | set(imported("docs.js")) == set(SCRIPTS)


def test_every_field_has_a_label():
    page = PAGE["index.html"]
    fields = re.findall(r'<(?:input|select)[^>]*\bid="([\w-]+)"', page)
    assert len(fields) >= 12
    assert set(fields) <= set(re.findall(r'<label for="([\w-]+)"', page))
    for script in SCRIPTS:
        text = PAGE[script]
        made = re.findall(r'el\("(?:input|select)", \{ id: "([\w-]+)"', text)
        assert set(made) <= set(re.findall(r'for: "([\w-]+)"', text)), script
    for name in PAGES:
        assert 'name="viewport"' in PAGE[name]
        assert '<html lang="en">' in PAGE[name]
