"""Computes digests of an input root, a Command and an Action with the published descriptors.

Reads a JSON description on stdin and writes {"root", "command", "action"} as "hash/size". Shares no code with rewrap.
"""

import hashlib
import json
import sys

from buildgrid._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as re


def digest_of(message):
    data = message.SerializeToString(deterministic=True)
    return re.Digest(hash=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def parse_digest(text):
    name, size = text.split("/")
    return re.Digest(hash=name, size_bytes=int(size))


def show(digest):
    return f"{digest.hash}/{digest.size_bytes}"


def nest(entries):
    """A dictionary per directory; leaves are (kind, entry)."""
    root = {}
    for entry in entries:
        *parents, name = entry["path"].split("/")
        at = root
        for parent in parents:
            at = at.setdefault(parent, {})
        if entry["kind"] == "directory":
            at.setdefault(name, {})
        else:
            at[name] = (entry["kind"], entry)
    return root


def directory(node):
    message = re.Directory()
    for name in sorted(node, key=lambda text: text.encode()):
        child = node[name]
        if isinstance(child, dict):
            below = digest_of(directory(child))
            message.directories.add(name=name, digest=below)
        elif child[0] == "file":
            message.files.add(name=name, digest=parse_digest(child[1]["digest"]))
        else:
            message.symlinks.add(name=name, target=child[1]["target"])
    return message


def command(description):
    message = re.Command(
        arguments=description["arguments"],
        output_paths=sorted(description["output_paths"]),
        working_directory=description["working_directory"],
    )
    if description["legacy"]:
        message.output_files.extend(sorted(description["output_paths"]))
    for name, value in sorted(description["environment"]):
        message.environment_variables.add(name=name, value=value)
    for name, value in sorted(description["platform"]):
        message.platform.properties.add(name=name, value=value)
    return message


def main():
    description = json.load(sys.stdin)
    root = digest_of(directory(nest(description["entries"])))
    command_digest = digest_of(command(description))
    action = re.Action(
        command_digest=command_digest,
        input_root_digest=root,
        salt=bytes.fromhex(description["salt"]),
    )
    for name, value in sorted(description["platform"]):
        action.platform.properties.add(name=name, value=value)
    json.dump({"root": show(root), "command": show(command_digest), "action": show(digest_of(action))}, sys.stdout)


main()
