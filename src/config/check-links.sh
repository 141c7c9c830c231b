#!/usr/bin/env bash
# Follows every link of the pages that mvn -N site wrote, and of the Markdown they come from, to a file, and to a heading
# where the link names one. Links to other hosts are only counted. Fails if one leads nowhere, or if the menu, which every page
# of the site shows, lacks a page.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 - <<'PYTHON'
import html.parser, pathlib, re, sys, urllib.parse

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name == "id" or tag == "a" and name == "name":
                self.names.add(value)

def markdown(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    page = Page(text)
    page.links = re.findall(r"\]\(([^)\s]+)\)", text)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.M):
        page.names.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return page

root = pathlib.Path(".")
files = sorted(root.glob("*.md")) + sorted(root.glob("src/site/markdown/**/*.md"))
built = sorted(pathlib.Path("target/site").glob("*.html"))
if not built:
    sys.exit("target/site has no pages: run mvn -N site first")
pages = {path.resolve(): markdown(path.read_text()) for path in files}
pages |= {path.resolve(): Page(path.read_text()) for path in built}
inside = outside = 0
broken = []
for path in built:
    if not all(path.name in pages[other.resolve()].links for other in built if other != path):
        broken.append(f"{path}: not in the menu of src/site/site.xml")
for path, page in pages.items():
    for link in page.links:
        url = urllib.parse.urlsplit(link)
        # The badge of the build: relative to the repository on GitHub, wherever that is.
        if url.scheme or url.netloc or link.startswith("../../actions/"):
            outside += 1
            continue
        inside += 1
        target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
        if not target.exists():
            broken.append(f"{path.relative_to(root.resolve())}: {link}: no such file")
        elif url.fragment and target in pages and urllib.parse.unquote(url.fragment) not in pages[target].names:
            broken.append(f"{path.relative_to(root.resolve())}: {link}: no such heading")
print("\n".join(broken + [f"{len(pages)} pages, {inside} links within, {outside} elsewhere, {len(broken)} broken."]))
sys.exit(bool(broken))
PYTHON
