#!/usr/bin/env python3
"""Makes what deploy/k8s repeats of other places, so that neither is typed by hand nor falls behind:

  base/config/SERVICE.conf         every option of the service; lines that are set stay as they are, all others are its
                                   defaults, in comments                       (from common/*.def, services/*/config.def)
  base/network/bus.yaml            who may hear whom                           (from protocol/messages)
  components/monitoring/rules.yaml recording and alerting rules                (from deploy/monitoring/rules)

usage: generate.py [--check]       --check only says what isn't as it should be, and exits with 1 then
"""
import re
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "protocol/gen"))
import msggen  # noqa: E402

# OPT(KIND, name, "default" or NULL, "unit", "meaning")
OPTION = re.compile(r'^OPT\((\w+),\s*(\w+),\s*(NULL|"(?:[^"\\]|\\.)*"),\s*"([^"]*)",\s*"((?:[^"\\]|\\.)*)"\)', re.M)
SETTING = re.compile(r"^([a-z_]+) = (.*)$", re.M)
SERVICE = re.compile(r'^SERVICE\("([a-z-]+)",', re.M)


def services():
    """Those of a market: the listener is its generator's."""
    links = (ROOT / "protocol/messages/links.def").read_text()
    return [s for s in SERVICE.findall(links) if s != "listener"]


def options(service):
    files = [ROOT / f"services/{service}/config.def", ROOT / "common/market.def", ROOT / "common/frame.def"]
    return [row for f in files if f.exists() for row in OPTION.findall(f.read_text())]


# ---- settings

def given_by_pods():
    """Options whose variable a pod sets: a line in the file would be without effect."""
    text = "".join(f.read_text() for f in sorted((HERE / "base/services").glob("*.yaml")))
    return {re.sub("_FILE$", "", name).lower() for name in re.findall(r"KALYPSO_([A-Z_]+)", text)}


def config(service, old):
    rows, given = options(service), given_by_pods()
    settings = dict(SETTING.findall(old))
    unknown = settings.keys() - {name for _, name, *_ in rows}
    if unknown:
        sys.exit(f"deploy/k8s/base/config/{service}.conf: no such option: {', '.join(sorted(unknown))}; see docs/operator.md")
    out = [f"# What {service} does in this cluster. deploy/k8s/generate.py keeps the comments; lines that are set stay.",
           "# Environment variables of the pod (KALYPSO_NAME, ...) come before this file."]
    for kind, name, fallback, unit, meaning in rows:
        if kind == "SECRET" or name in given:
            continue
        out += ["", f"# {meaning}" + (f" [{unit}]" if unit else "")]
        if name in settings:
            out += [f"{name} = {settings[name]}"]
        else:
            out += [f"# {name} =" + ("" if fallback in ("NULL", '""') else f" {fallback[1:-1]}")]
    return "\n".join(out) + "\n"


# ---- the bus

def readers():
    """By service, who hears it: whom it says something to, and the gateway, which reads every log."""
    heard = {}
    for message in msggen.Schema(ROOT / "protocol/messages").messages:
        for sender in message.senders:
            heard.setdefault(sender, set()).update(message.receivers)
    known = services()
    return {s: sorted((heard[s] & set(known) | {"webhook-gateway"}) - {s}) for s in known if s in heard}


def bus():
    out = ["# The bus: who may hear whom. Made by deploy/k8s/generate.py from protocol/messages."]
    for writer, who in readers().items():
        chosen = {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": who}]}
        ports = [{"protocol": "TCP", "port": 7000}]
        itself = {"matchLabels": {"app.kubernetes.io/name": writer}}
        out += [policy(f"hear-{writer}", itself, "Ingress", [{"from": [{"podSelector": chosen}], "ports": ports}]),
                policy(f"to-{writer}", chosen, "Egress", [{"to": [{"podSelector": itself}], "ports": ports}])]
    return "\n".join(out)


def policy(name, pods, way, rules):
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
            "spec": {"podSelector": pods, "policyTypes": [way], way.lower(): rules}}
    return "---\n" + yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=120).rstrip()


# ---- rules

def rules():
    out = ["# Recording and alerting rules, as deploy/monitoring/rules has them. Made by deploy/k8s/generate.py."]
    for file in sorted((ROOT / "deploy/monitoring/rules").glob("*.yml")):
        groups = yaml.safe_load(file.read_text())["groups"]
        body = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
                "metadata": {"name": f"kalypso-{file.stem}"}, "spec": {"groups": groups}}
        out += ["---", yaml.safe_dump(body, sort_keys=False, width=120).rstrip()]
    return "\n".join(out)


def main():
    check = sys.argv[1:] == ["--check"]
    wanted = {HERE / f"base/config/{s}.conf": None for s in services()}
    wanted |= {HERE / "base/network/bus.yaml": bus() + "\n", HERE / "components/monitoring/rules.yaml": rules() + "\n"}
    behind = []
    for file, text in wanted.items():
        old = file.read_text() if file.exists() else ""
        text = text or config(file.stem, old)
        if text == old:
            continue
        behind.append(str(file.relative_to(ROOT)))
        if not check:
            file.write_text(text)
    for name in behind:
        print(f"{name}: {'not as it follows from its sources: deploy/k8s/generate.py' if check else 'written'}")
    return 1 if check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
