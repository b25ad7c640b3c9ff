#!/usr/bin/env python3
"""apidocs - OpenAPI descriptions as one HTML page, without scripts.

usage: apidocs.py X.openapi.yaml [Y.openapi.yaml...] > out
"""
import html
import re
import sys

import yaml

IN_EVERY_ANSWER = ("X-Request-Id", "RateLimit", "RateLimit-Policy")
METHODS = ("get", "post", "put", "patch", "delete")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}: API reference</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<a class="skip" href="#top">To the text</a>
<header><a class="home" href="/">Kalypso</a> <span>API reference</span>
<nav aria-label="Files"><a href="/v1/openapi.yaml">OpenAPI</a> <a href="/v1/webhooks.yaml">Webhooks</a> <a href="/v1/asyncapi.yaml">AsyncAPI</a></nav></header>
<nav class="side" aria-label="Operations">
{side}
</nav>
<main id="top" tabindex="-1">
<h1>{title}</h1>
{body}
</main>
</body>
</html>"""


def text(s):
    return html.escape(str(s), quote=True)


def spans(s):
    """What Markdown has within a line: code, emphasis, links."""
    parts = re.split(r"(`[^`]+`)", s)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"<code>{text(part[1:-1])}</code>"
        else:
            part = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text(part))
            parts[i] = re.sub(r"\[([^]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>', part)
    return "".join(parts)


def table(lines):
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    head = "".join(f'<th scope="col">{spans(c)}</th>' for c in rows[0])
    rest = "".join("<tr>" + "".join(f"<td>{spans(c)}</td>" for c in row) + "</tr>" for row in rows[2:])
    return f'<div class="wide" tabindex="0" role="region" aria-label="Table"><table><thead><tr>{head}</tr></thead><tbody>{rest}</tbody></table></div>'


def prose(s):
    """Paragraphs, tables and code blocks: as much Markdown as the description uses."""
    out = []
    for block in re.split(r"\n\s*\n", (s or "").strip()):
        lines = block.split("\n")
        if lines[0].startswith("|"):
            out.append(table(lines))
        elif lines[0].startswith("```"):
            out.append(f"<pre tabindex=\"0\"><code>{text(chr(10).join(lines[1:-1]))}</code></pre>")
        elif lines[0].startswith("- "):
            items = "".join(f"<li>{spans(item)}</li>" for item in re.split(r"\n- ", block[2:]))
            out.append(f"<ul>{items}</ul>")
        elif block:
            out.append(f"<p>{spans(block)}</p>")
    return "\n".join(out)


def anchor(*parts):
    return re.sub(r"[^a-zA-Z0-9]+", "-", "-".join(parts)).strip("-").lower()


class Reference:
    """One description. What is named the same in several has another anchor in each: @prefix is in it."""

    def __init__(self, doc, prefix=""):
        self.doc = doc
        self.prefix = prefix

    def follow(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.doc
            for part in node["$ref"][2:].split("/"):
                target = target[part]
            node = target
        return node

    # ---- schemas

    def kind(self, s):
        """A schema in a few words."""
        if "$ref" in s:
            *where, name = s["$ref"].split("/")
            if where != ["#", "components", "schemas"]:
                return self.kind(self.follow(s))
            return f'<a href="#{self.schema_anchor(name)}">{text(name)}</a>'
        if "const" in s:
            return f"<code>{text(s['const'])}</code>"
        if "enum" in s:
            return " | ".join("null" if v is None else f"<code>{text(v)}</code>" for v in s["enum"])
        for word in ("oneOf", "anyOf", "allOf"):
            if word in s and "properties" not in s:
                return (" and " if word == "allOf" else " | ").join(self.kind(o) for o in s[word])
        types = s.get("type", "any")
        if types == "array":
            return f"array of {self.kind(s.get('items', {}))}"
        return text(types if isinstance(types, str) else " | ".join(types)) + self.bounds(s)

    @staticmethod
    def bounds(s):
        if "minimum" in s and "maximum" in s:
            return f" {s['minimum']} to {s['maximum']}"
        if "minimum" in s:
            return f" from {s['minimum']}"
        return ""

    def members(self, s):
        """The members of an object, of those within it, and of what it is made of."""
        out = [self.members_of_part(part) for part in s.get("allOf", [])]
        inner = [o for o in s.get("oneOf", []) + s.get("anyOf", []) if "properties" in o]
        if s.get("type") == "array" and "properties" in s.get("items", {}):
            inner.append(s["items"])
        rows = []
        for name, p in s.get("properties", {}).items():
            optional = "" if name in s.get("required", []) else ' <span class="note">optional</span>'
            about = spans(p.get("description", "").strip().replace("\n", " "))
            rows.append(f"<dt><code>{text(name)}</code> <span class=\"kind\">{self.kind(p)}</span>{optional}</dt><dd>{about}{self.members(p)}</dd>")
        if rows:
            out.append(f"<dl>{''.join(rows)}</dl>")
        return "".join(out) + "".join(self.members(o) for o in inner)

    def members_of_part(self, part):
        return f"<p class=\"note\">The members of {self.kind(part)}, and:</p>" if "$ref" in part else self.members(part)

    def schema_anchor(self, name):
        return anchor(self.prefix, "schema", name)

    def schemas(self):
        out = []
        for name, s in self.doc["components"]["schemas"].items():
            here = self.schema_anchor(name)
            out.append(f'<section class="schema" id="{here}"><h3><a href="#{here}">{text(name)}</a> <span class="kind">{self.kind(s)}</span></h3>'
                       f"{prose(s.get('description', ''))}{self.members(s)}</section>")
        return "\n".join(out)

    # ---- operations

    def parameters(self, op):
        rows = []
        for p in map(self.follow, op.get("parameters", [])):
            s = p.get("schema", {})
            default = f" Default <code>{text(s['default'])}</code>." if "default" in s else ""
            needed = "" if p.get("required") else ' <span class="note">optional</span>'
            rows.append(f"<dt><code>{text(p['name'])}</code> <span class=\"kind\">{text(p['in'])}, {self.kind(s)}</span>{needed}</dt>"
                        f"<dd>{spans(p.get('description', '').strip())}{default}</dd>")
        return f"<h4>Parameters</h4><dl>{''.join(rows)}</dl>" if rows else ""

    def content(self, content):
        return "; ".join(f"<code>{text(kind)}</code> {self.kind(c.get('schema', {}))}" for kind, c in (content or {}).items())

    def body(self, op):
        body = self.follow(op.get("requestBody"))
        if not body:
            return ""
        return f"<h4>Body</h4>{prose(body.get('description', ''))}<p>{self.content(body.get('content'))}</p>"

    def responses(self, op):
        rows = []
        for status, r in op["responses"].items():
            r = self.follow(r)
            headers = ", ".join(f"<code>{text(h)}</code>" for h in r.get("headers", {}) if h not in IN_EVERY_ANSWER)
            rows.append(f"<dt><code>{text(status)}</code> {self.content(r.get('content'))}</dt>"
                        f"<dd>{spans(r.get('description', '').strip())}{' With ' + headers + '.' if headers else ''}</dd>")
        return f"<h4>Answers</h4><dl>{''.join(rows)}</dl>"

    def example(self, path, method, op):
        """How to ask for it with curl; only what needs nothing but a path, and maybe a token."""
        if method != "get" or any(self.follow(p).get("required") and self.follow(p)["in"] == "query" for p in op.get("parameters", [])):
            return ""
        if "101" in op["responses"]:
            return ""
        server = self.doc["servers"][0]["url"]
        token = "-H 'Authorization: Bearer TOKEN' " if self.tokens(op) else ""
        return f"<pre tabindex=\"0\"><code>curl -s {token}'{text(server + re.sub(r'{(.*?)}', lambda m: m.group(1).upper(), path))}'</code></pre>"

    def tokens(self, op):
        """Whose tokens will do."""
        return [name for need in op.get("security", self.doc.get("security", [])) for name in need]

    def whose(self, op):
        schemes = self.doc["components"].get("securitySchemes", {})
        rows = "".join(f"<dt><code>{text(name)}</code></dt><dd>{spans(schemes[name]['description'])}</dd>" for name in self.tokens(op))
        free = "<dd>Or none, if the operator says so.</dd>" if {} in op.get("security", []) else ""
        return f"<h4>Token</h4><dl>{rows}{free}</dl>" if rows else ""

    def operation(self, path, method, op):
        here = anchor(op["operationId"])
        return (f'<section class="operation" id="{here}"><h3><a href="#{here}"><span class="method {method}">{method.upper()}</span> <code>{text(path)}</code></a></h3>'
                f"<p class=\"summary\">{spans(op.get('summary', ''))}</p>{prose(op.get('description', ''))}{self.example(path, method, op)}"
                f"{self.whose(op)}{self.parameters(op)}{self.body(op)}{self.responses(op)}</section>")

    def operations(self, tag):
        """Those of a tag, with what their paths' parameters are; what is sent to others comes last."""
        told = {"your URL": item for item in self.doc.get("webhooks", {}).values()}
        for path, item in {**self.doc["paths"], **told}.items():
            for method in filter(item.__contains__, METHODS):
                op = item[method]
                if tag["name"] in op.get("tags", []):
                    yield path, method, {**op, "parameters": item.get("parameters", []) + op.get("parameters", [])}

    def parts(self):
        """What it adds to the list at the side, and to the page."""
        side, body = [], [prose(self.doc["info"]["description"])]
        for tag in self.doc["tags"]:
            operations = list(self.operations(tag))
            if not operations:
                continue
            side.append(f"<h2>{text(tag['name'])}</h2><ul>" + "".join(
                f'<li><a href="#{anchor(op["operationId"])}"><span class="method {m}">{m.upper()}</span> {text(path.removeprefix("/v1"))}</a></li>'
                for path, m, op in operations) + "</ul>")
            body.append(f'<h2 id="{anchor("tag", tag["name"])}">{text(tag.get("description", tag["name"]))}</h2>')
            body += [self.operation(*o) for o in operations]
        here = anchor(self.prefix, "schemas")
        side.append(f'<p><a href="#{here}">Schemas</a></p>')
        return side, [*body, f'<h2 id="{here}">Schemas</h2>', self.schemas()]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    docs = []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as f:
            docs.append(yaml.safe_load(f))
    title, *_ = [doc["info"]["title"] for doc in docs]
    side, body = Reference(docs[0]).parts()
    for doc in docs[1:]:
        name = doc["info"]["title"]
        more_side, more_body = Reference(doc, prefix=name).parts()
        side += [f'<p><a href="#{anchor(name)}">{text(name)}</a></p>', *more_side]
        body += [f'<h1 id="{anchor(name)}">{text(name)}</h1>', *more_body]
    side.insert(0, '<p><a href="#top">What it is</a></p>')
    print(PAGE.format(title=text(title), side="\n".join(side), body="\n".join(body)))


main()
