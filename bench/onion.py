#!/usr/bin/env python3
"""Measures onion-transport against socat's SOCKS relay, on loopback.

usage: bench/onion.py ONION_TRANSPORT [ROUNDS]      (the published binary; socat installed)
Prints flat names and figures. Rounds are interleaved, and the best of each counts.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

BINARY = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
BYTES = 400_000_000
CHUNK = bytes(256 * 1024)


def exactly(stream, count):
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def until_zero(stream):
    while exactly(stream, 1) != b"\0":
        pass


def play_tor(client):
    """SOCKS 4a and 5; then the first byte says: e echoes, s swallows and says how much."""
    try:
        version = exactly(client, 1)
        if version == b"\x05":
            exactly(client, exactly(client, 1)[0])
            client.sendall(b"\x05\x02")
            exactly(client, 1)
            exactly(client, exactly(client, 1)[0])
            exactly(client, exactly(client, 1)[0])
            client.sendall(b"\x01\x00")
            exactly(client, 4)
            exactly(client, exactly(client, 1)[0] + 2)
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        else:
            exactly(client, 7)
            until_zero(client)
            until_zero(client)
            client.sendall(b"\x00\x5a" + bytes(6))
        client.sendall(b"+")
        mode = exactly(client, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray(len(CHUNK))
        taken = 0
        while True:
            count = client.recv_into(buffer)
            if count == 0:
                break
            taken += count
            if mode == b"e":
                client.sendall(buffer[:count])
        client.sendall(b"%d" % taken)
    except (OSError, EOFError):
        pass
    client.close()


def serve(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=play_tor, args=(client,), daemon=True).start()


def dial(address, mode):
    stream = socket.create_connection(address)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    exactly(stream, 1)
    stream.sendall(mode)
    return stream


def throughput(address):
    stream = dial(address, b"s")
    start = time.perf_counter()
    for _ in range(BYTES // len(CHUNK)):
        stream.sendall(CHUNK)
    stream.shutdown(socket.SHUT_WR)
    assert int(stream.recv(30)) == BYTES // len(CHUNK) * len(CHUNK)
    return BYTES / (time.perf_counter() - start) / 1e6


def latency(address):
    stream = dial(address, b"e")
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        stream.sendall(b"x" * 64)
        exactly(stream, 64)
        times.append(time.perf_counter() - start)
    stream.close()
    return sorted(times)[len(times) // 2] * 1e6


def lookups(path, batch, count):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(path)
        request = b"24:onion user@bench.example," * batch
        stream.sendall(b"24:onion user@bench.example,")
        reply = len(stream.recv(1000)) * batch
        start = time.perf_counter()
        for _ in range(count // batch):
            stream.sendall(request)
            exactly(stream, reply)
        return count / (time.perf_counter() - start)


def memory(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def start(folder, path):
    begin = time.perf_counter()
    daemon = subprocess.Popen([BINARY, "--config", folder + "/conf", "serve"],
                              stderr=subprocess.DEVNULL)
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(path)
            return daemon, (time.perf_counter() - begin) * 1000
        except OSError:
            time.sleep(0.001)


def main():
    tor = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=serve, args=(tor,), daemon=True).start()
    port = tor.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/map.sock"
        for name, text in (("map", "bench.example " + ONION + "\n"
                            + "".join(f"n{n}.example {ONION}:{n}\n" for n in (1, 2, 3))),
                           ("conf", f"""
socketmap = unix:{path}
socks = 127.0.0.1:{port}
map_file = {folder}/map
state_directory = {folder}/state
""")):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
        starts = []
        for _ in range(ROUNDS):
            daemon, taken = start(folder, path)
            starts.append(taken)
            daemon.terminate()
            daemon.wait()
        daemon, _ = start(folder, path)
        rival = subprocess.Popen(
            ["socat", "TCP4-LISTEN:2799,bind=127.0.0.1,reuseaddr,fork,nodelay",
             f"SOCKS4A:127.0.0.1:{ONION}:25,socksport={port},nodelay"])
        time.sleep(1)
        try:
            measure(daemon, path, starts)
        finally:
            for process in (daemon, rival):
                process.terminate()
                process.wait()


def measure(daemon, path, starts):
    print(f"onion.startMs {min(starts):.1f}")
    print(f"onion.idleMiB {memory(daemon):.1f}")
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(path)
        stream.sendall(b"24:onion user@bench.example,")
        answer = stream.recv(1000).decode()
    host, number = re.search(r"\[([0-9.]+)\]:(\d+)", answer).groups()
    ours, rival = (host, int(number)), ("127.0.0.1", 2799)
    best = {"pipelined": 0, "single": 0, "ours": 0, "socat": 0, "oursLatency": 1e9,
            "socatLatency": 1e9}
    for _ in range(ROUNDS):
        best["pipelined"] = max(best["pipelined"], lookups(path, 100, 50_000))
        best["single"] = max(best["single"], lookups(path, 1, 10_000))
        for name, address in (("ours", ours), ("socat", rival)):
            best[name] = max(best[name], throughput(address))
            best[name + "Latency"] = min(best[name + "Latency"], latency(address))
    print(f"onion.lookupsPerSecond {best['pipelined']:.0f}")
    print(f"onion.lookupsPerSecondOneByOne {best['single']:.0f}")
    print(f"onion.relayMBps {best['ours']:.0f}")
    print(f"onion.socatMBps {best['socat']:.0f}")
    print(f"onion.relayRatioToSocat {best['ours'] / best['socat']:.2f}")
    print(f"onion.roundTripMicros {best['oursLatency']:.0f}")
    print(f"onion.socatRoundTripMicros {best['socatLatency']:.0f}")
    crowd = []
    # 50 sessions are the most to one onion; the others go to ports of the same service.
    for number in range(200):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(path)
            name = "24:onion user@bench.example," if number < 50 else None
            key = f"onion u@n{number // 50}.example"
            stream.sendall((name or f"{len(key)}:{key},").encode())
            found = re.search(r"\[([0-9.]+)\]:(\d+)", stream.recv(1000).decode())
        session = dial((found.group(1), int(found.group(2))), b"e")
        session.sendall(b"x" * 1000)
        exactly(session, 1000)
        crowd.append(session)
    print(f"onion.sessions200MiB {memory(daemon):.1f}")
    for session in crowd:
        session.close()


main()
