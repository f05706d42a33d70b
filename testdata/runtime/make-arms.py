"""python make-arms.py GOLDEN OUT: picks a few configurations of each arm out of the golden vectors golden/maths/{arms,real-arms}
(MuJoCo 4.0.0 made those; see README.md) and writes them as one JSON file. Standard library only."""
import array
import json
import pathlib
import re
import struct
import sys

golden, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
COUNT = 12


def tensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)

    def read(name):
        entry = header[name]
        begin, end = entry["data_offsets"]
        values = array.array("d", data[8 + size + begin : 8 + size + end])
        per = len(values) // entry["shape"][0]
        return [list(values[i * per : (i + 1) * per]) for i in range(entry["shape"][0])]

    return read


def numbers(text):
    return [float(x) for x in text.split()]


def case(read, name, i, pos, rotation):
    return {"q": read(f"{name}/q")[i], "toolPos": pos, **rotation, "jacobian": read(f"{name}/jac_pos")[i] + read(f"{name}/jac_rot")[i]}


def made_arms():
    read = tensors(golden / "arms.safetensors")
    for name, info in json.loads((golden / "arms.json").read_text())["arms"].items():
        xml = (golden / info["mjcf"]).read_text()
        frames = re.findall(r'<body name="link\d+" pos="([^"]+)" quat="([^"]+)"', xml)
        tool = numbers(re.search(r'<site name="tool" pos="([^"]+)"', xml).group(1))
        cases = [
            case(read, name, i, read(f"{name}/tool_pos")[i], {"toolMatrix": read(f"{name}/tool_mat")[i]}) for i in range(COUNT)
        ]
        yield name, {"frames": [{"pos": numbers(p), "quat": numbers(q)} for p, q in frames], "toolPos": tool, "cases": cases}


def real_arms():
    read = tensors(golden / "real-arms.safetensors")
    for name, info in json.loads((golden / "real-arms.json").read_text())["arms"].items():
        chain, body = [], info["tip_body"]
        while body != 0:
            chain.append(body)
            body = info["bodies"][body]["parent"]
        chain.reverse()
        jointed = {joint["body"]: joint for joint in info["joints"]}
        if any(body not in jointed and (any(info["bodies"][body]["pos"]) or info["bodies"][body]["quat"] != [1, 0, 0, 0]) for body in chain):
            continue  # a fixed offset inside the chain: not a plain list of joint frames
        bodies = [body for body in chain if body in jointed]
        if any(any(jointed[body]["pos"]) or len(bodies) != info["dof"] for body in bodies):
            continue
        frames = [{"pos": info["bodies"][b]["pos"], "quat": info["bodies"][b]["quat"], "axis": jointed[b]["axis"]} for b in bodies]
        tip, count = info["tip_body"], len(info["bodies"])
        cases = []
        for i in range(COUNT):
            pos, quat = read(f"{name}/xpos")[i], read(f"{name}/xquat")[i]
            assert len(pos) == 3 * count
            cases.append(case(read, name, i, pos[3 * tip : 3 * tip + 3], {"toolQuat": quat[4 * tip : 4 * tip + 4]}))
        yield f"real-{name}", {"source": info["source"], "frames": frames, "toolPos": [0, 0, 0], "cases": cases}


arms = dict([*made_arms(), *real_arms()])
out.write_text(json.dumps(arms, separators=(",", ":")) + "\n")
print({name: (len(arm["frames"]), len(arm["cases"])) for name, arm in arms.items()}, out.stat().st_size)
