"""A private Tor network on loopback: three authorities, a relay, an exit, a client, services."""
import os
import re
import subprocess
import time

AUTHS = ["auth1", "auth2", "auth3"]
RELAYS = AUTHS + ["relay1", "exit1"]
SOCKS = 15200


class TorNet:
    """Its processes live in a folder of their own and end with stop()."""

    def __init__(self, folder, exit_ports, services):
        """services: name of a tor process to a list of (name of a service, target, haproxy)."""
        self.folder = folder
        self.exit_ports = exit_ports
        self.services = services
        self.processes = {}
        self.lines = []

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def run(self, *args, **more):
        done = subprocess.run(args, check=True, capture_output=True, **more)
        return done.stdout.decode()

    def start_relays(self):
        """Starts the relays; makes the authorities' keys first."""
        for number, name in enumerate(AUTHS):
            self.lines.append(self.authority(number, name))
        for number, name in enumerate(RELAYS):
            extra = [f"ORPort 127.0.0.1:{15000 + number} IPv4Only", "Address 127.0.0.1",
                     "SocksPort 0", "ContactInfo none@invalid", "ServerDNSDetectHijacking 0"]
            if name in AUTHS:
                extra += [f"DirPort 127.0.0.1:{15100 + number}", "AuthoritativeDirectory 1",
                          "V3AuthoritativeDirectory 1", "ExitPolicy reject *:*",
                          "TestingV3AuthInitialVotingInterval 5", "TestingV3AuthInitialVoteDelay 2",
                          "TestingV3AuthInitialDistDelay 2", "V3AuthVotingInterval 10",
                          "V3AuthVoteDelay 2", "V3AuthDistDelay 2",
                          # An exit that leads to no web port is none without a word for it.
                          "TestingDirAuthVoteExit *", "TestingDirAuthVoteGuard *",
                          "TestingMinExitFlagThreshold 0"]
            elif name == "exit1":
                # Private networks do not count when an exit is chosen: hence every address.
                extra += ["ExitRelay 1", "ExitPolicyRejectPrivate 0", "IPv6Exit 0",
                          "ExitPolicyRejectLocalInterfaces 0", "ServerDNSAllowBrokenConfig 1"]
                extra += [f"ExitPolicy accept *:{port}" for port in self.exit_ports]
                extra += ["ExitPolicy reject *:*"]
            else:
                extra += ["ExitPolicy reject *:*"]
            self.spawn(name, extra)

    def authority(self, number, name):
        keys = self.path(name, "keys")
        os.makedirs(keys, mode=0o700)
        reader, writer = os.pipe()
        os.write(writer, b"x\n")
        os.close(writer)
        self.run("tor-gencert", "--create-identity-key", "-m", "12",
                 "-a", f"127.0.0.1:{15100 + number}", "-i", keys + "/authority_identity_key",
                 "-s", keys + "/authority_signing_key", "-c", keys + "/authority_certificate",
                 "--passphrase-fd", str(reader), pass_fds=(reader,))
        os.close(reader)
        with open(keys + "/authority_certificate", encoding="ascii") as file:
            identity = re.search(r"^fingerprint ([0-9A-F]{40})", file.read(), re.M).group(1)
        out = self.run("tor", "--ignore-missing-torrc", "-f", "/nonexistent", "--quiet",
                       "--DataDirectory", self.path(name), "--ORPort", f"127.0.0.1:{15000 + number}",
                       "--Nickname", name, "--SocksPort", "0", "--list-fingerprint",
                       "--DirAuthority", f"x orport=1 v3ident={identity} 127.0.0.1:1 {'0' * 40}")
        fingerprint = re.search(r"((?:[0-9A-F]{4} ?){10})", out).group(1).replace(" ", "")
        return (f"DirAuthority {name} orport={15000 + number} no-v2 v3ident={identity}"
                f" 127.0.0.1:{15100 + number} {fingerprint}")

    def start_clients(self):
        self.spawn("client1", [f"SocksPort 127.0.0.1:{SOCKS}", "ORPort 0"])
        for name in self.services:
            self.start_service(name)

    def start_service(self, name):
        extra = ["SocksPort 0", "ORPort 0"]
        for service, target, haproxy in self.services[name]:
            extra += [f"HiddenServiceDir {self.path(name, service)}", f"HiddenServicePort 25 {target}"]
            if haproxy:
                extra += ["HiddenServiceExportCircuitID haproxy", "HiddenServicePoWDefensesEnabled 1",
                          "HiddenServiceEnableIntroDoSDefense 1", "HiddenServiceMaxStreams 20"]
        self.spawn(name, extra)

    def spawn(self, name, extra):
        os.makedirs(self.path(name), mode=0o700, exist_ok=True)
        text = ["TestingTorNetwork 1", *self.lines, f"DataDirectory {self.path(name)}",
                f"Nickname {name}", f"Log notice file {self.path(name, 'notice.log')}",
                "ShutdownWaitLength 1", *extra]
        with open(self.path(name, "torrc"), "w", encoding="ascii") as file:
            file.write("\n".join(text) + "\n")
        self.processes[name] = subprocess.Popen(
            ["tor", "-f", self.path(name, "torrc"), "--quiet"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def wait_consensus(self, end):
        """Until an authority's consensus names every relay."""
        while time.time() < end:
            try:
                with open(self.path("auth1", "cached-microdesc-consensus"), encoding="utf-8") as file:
                    if len(re.findall(r"^r ", file.read(), re.M)) >= len(RELAYS):
                        return True
            except OSError:
                pass
            time.sleep(0.2)
        return False

    def onion(self, name, service):
        """The name of a service; made by tor within its first second."""
        path = self.path(name, service, "hostname")
        while not os.path.exists(path):
            time.sleep(0.1)
        with open(path, encoding="ascii") as file:
            return file.read().strip()

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
