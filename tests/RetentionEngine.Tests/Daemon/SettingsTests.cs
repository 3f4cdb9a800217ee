using System.Net;
using RetentionEngine.Daemon.Configuration;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>From a TOML text, variables and flags to settings or mistakes with their lines.</summary>
public sealed class SettingsTests
{
    private const string Everything = """
        log_level = "debug"
        log_format = "json"
        control_socket = "/run/retentiond/control.sock"
        http.listen = "[::1]:9461"
        [store]
        path = "/srv/store"
        master_key = "/etc/retentiond/key"
        timezone = "Europe/Berlin"
        local_domains = ["Example.ORG.", "example.net"]
        commit_interval = "500ms"
        commit_volume = "32MiB"
        [store.host_timezones]
        mx2 = "America/Lima"
        [spool]
        max_size = "1GiB"
        disk_reserve = 0
        [period]
        sent = "26h"
        access = { keep = "30d", basis = "contract 4" }
        [[file]]
        path = "/var/log/mail.log"
        [[file]]
        path = "/var/log/dovecot.log"
        [[journal]]
        units = ["postfix@-.service", "dovecot.service"]
        [[journal]]
        name = "other"
        directory = "/srv/journal"
        matches = ["_TRANSPORT=syslog"]
        [[fifo]]
        path = "/run/mail.fifo"
        [[syslog]]
        name = "in"
        protocol = "tls"
        address = "192.0.2.1"
        certificate = "/etc/c.pem"
        key = "/etc/k.pem"
        client_ca = "/etc/ca.pem"
        client_names = ["mx1.example.org"]
        max_connections = 7
        max_frame = "16KiB"
        frame_timeout = "5s"
        handshake_timeout = "3s"
        [[syslog]]
        protocol = "udp"
        port = 5514
        receive_buffer = "1MiB"
        """;

    private static readonly Dictionary<string, string> s_none = [];

    [Fact]
    public void An_empty_file_is_all_defaults()
    {
        Settings settings = Parse("");
        Assert.Equal("/var/lib/retentiond/store", settings.Store.Path);
        Assert.Null(settings.Store.MasterKeyPath);
        Assert.Equal(TimeSpan.FromDays(7), settings.Policy.Access.Period);
        Assert.Null(settings.Http);
        Assert.Empty(settings.Syslogs);
    }

    [Fact]
    public void Everything_is_read()
    {
        Settings settings = Parse(Everything);
        Assert.Equal(LogLevel.Debug, settings.LogLevel);
        Assert.True(settings.IsLogJson);
        Assert.Equal(IPEndPoint.Parse("[::1]:9461"), settings.Http);
        Assert.Equal(TimeSpan.FromMilliseconds(500), settings.Store.CommitInterval);
        Assert.Equal(32 << 20, settings.Store.CommitVolumeBytes);
        Assert.Equal(1 << 30, settings.Spool.SizeMaxBytes);
        Assert.Equal(0, settings.Spool.DiskReserveBytes);
        Assert.Equal(["example.org", "example.net"], settings.Policy.LocalDomains);
        Assert.Equal("America/Lima", settings.Policy.HostTimeZones["MX2"]);
        Assert.Equal(new ClassPolicy(TimeSpan.FromDays(30), "contract 4"), settings.Policy.Access);
        Assert.Equal(TimeSpan.FromHours(26), settings.Policy.Sent.Period);
        Assert.Equal(["/var/log/mail.log", "/var/log/dovecot.log"], settings.Files);
        Assert.Equal(
            ["--unit=postfix@-.service", "--unit=dovecot.service"], settings.Journals[0].Arguments());
        Assert.Equal(
            ["--directory=/srv/journal", "_TRANSPORT=syslog"], settings.Journals[1].Arguments());
        Assert.Equal(["/run/mail.fifo"], settings.Fifos);
        SyslogSettings tls = settings.Syslogs[0];
        Assert.Equal((SyslogProtocol.Tls, 6514, 7), (tls.Protocol, tls.EndPoint.Port, tls.ConnectionsMax));
        Assert.Equal((16 << 10, 5, 3),
            (tls.FrameMaxBytes, tls.FrameTimeout.Seconds, tls.HandshakeTimeout.Seconds));
        Assert.Equal("udp-5514", settings.Syslogs[1].Name);
        Assert.Equal(1 << 20, settings.Syslogs[1].ReceiveBufferBytes);
    }

    [Theory]
    [InlineData("log_level = \"loud\"", "f:1: log_level must be one of error, warning, info, debug")]
    [InlineData("log_levl = \"info\"", "f:1: log_levl is not a setting; did you mean 'log_level'?")]
    [InlineData("\n[store]\npath = 7", "f:3: store.path must be a text in quotes that is not empty")]
    [InlineData("[store]\npath = \"x\"", "f:2: store.path must be a path that begins with '/'")]
    [InlineData("[store]\nmaster_key = \"/var/lib/retentiond/store/k\"", "f:2: store.master_key must not lie in the store")]
    [InlineData("[store]\ntimezone = \"Mars\"", "f:2: store.timezone is not a zone that is known here, such as \"Europe/Berlin\"")]
    [InlineData("[store.host_timezones]\nmx = \"Mars\"", "f:2: store.host_timezones.mx is not a zone that is known here, such as \"Europe/Berlin\"")]
    [InlineData("[store]\ncommit_interval = \"1y\"", "f:2: store.commit_interval must be a time from 50ms to 5m, such as \"1s\"")]
    [InlineData("[store]\ncommit_volume = 1", "f:2: store.commit_volume must be a size from 1MiB to 4GiB, such as \"64MiB\"")]
    [InlineData("[store]\nlocal_domains = [\"a@b\"]", "f:2: store.local_domains must be domains, such as \"example.org\"")]
    [InlineData("[store]\nlocal_domains = [1]", "f:2: store.local_domains must be a list of texts")]
    [InlineData("[period]\nsent = \"90m\"", "f:2: period.sent must be whole hours from 1h to 3653d, such as \"7d\"")]
    [InlineData("[period]\nsent = \"8d\"", "f:2: period.sent is more than 7 days, which needs a basis: sent = { keep = \"8d\", basis = \"why\" }")]
    [InlineData("[period.sent]\nkeep = \"8d\"\nbasis = \" \"", "f:2: period.sent.keep is more than 7 days, which needs a basis: sent = { keep = \"8d\", basis = \"why\" }")]
    [InlineData("[period.sent]\nkep = \"8d\"", "f:2: period.sent.kep is not a setting; did you mean 'keep'?")]
    [InlineData("[period]\nspam = \"1d\"", "f:2: period.spam is not a setting")]
    [InlineData("[http]\nlisten = \"0.0.0.0:80\"", "f:2: http.listen must be a loopback address and a port, such as \"127.0.0.1:9461\"")]
    [InlineData("[file]\npath = \"/a\"", "f:1: file must be one or more tables [[file]]")]
    [InlineData("\n[[file]]", "f:2: file[0].path is missing")]
    [InlineData("[[file]]\npath=\"/a\"\n[[file]]\npath=\"/a\"", "f:4: file[1].path is given twice")]
    [InlineData("[[syslog]]\nport = 1", "f:1: syslog[0].protocol is missing")]
    [InlineData("[[syslog]]\nprotocol = \"relp\"", "f:2: syslog[0].protocol must be one of tcp, tls, udp")]
    [InlineData("[[syslog]]\nprotocol = \"tcp\"\nport = 0", "f:3: syslog[0].port must be a number from 1 to 65535")]
    [InlineData("[[syslog]]\nprotocol = \"tcp\"\naddress = \"mx\"", "f:3: syslog[0].address must be an IP address; \"::\" is every one of this machine")]
    [InlineData("[[syslog]]\nprotocol = \"tcp\"\nkey = \"/k\"", "f:3: syslog[0].key is not a setting")]
    [InlineData("[[syslog]]\nprotocol = \"udp\"\nmax_frame = \"1GiB\"", "f:3: syslog[0].max_frame must be a size from 480B to 96KiB, such as \"64KiB\"")]
    [InlineData("[[syslog]]\nprotocol = \"tcp\"\n[[syslog]]\nprotocol = \"tcp\"\nname = \"b\"", "f:3: syslog[1].port is given twice")]
    [InlineData("[[journal]]\nmatches = [\"x\"]", "f:2: journal[0].matches must be FIELD=value each")]
    [InlineData("[[journal]]\n[[journal]]", "f:2: journal[1].name 'system' is given twice: give each journal its own")]
    public void A_mistake_is_told_with_its_line(string text, string error)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Parse(text));
        Assert.Equal([error], e.Errors.Select(static x => x.ToString()));
    }

    [Fact]
    public void Grammar_is_told_with_its_line()
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Parse("[store]\npath = /srv\n"));
        Assert.Equal(2, e.Errors[0].Line);
        e = Assert.Throws<ConfigException>(() => Parse("[store]\npath = \"/a\"\npath = \"/b\"\n"));
        Assert.Equal(3, e.Errors[0].Line);
    }

    [Fact]
    public void All_mistakes_are_told_at_once_in_order()
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Parse("""
            colour = 1
            [[syslog]]
            protocol = "tls"
            client_names = ["x"]
            [http]
            listen = 1
            """));
        Assert.Equal(
            [
                "f:1: colour is not a setting",
                "f:2: syslog[0].certificate is missing",
                "f:2: syslog[0].key is missing",
                "f:4: syslog[0].client_names needs client_ca, which says who vouches for the names",
                "f:6: http.listen must be a text in quotes that is not empty",
            ],
            e.Errors.Select(static x => x.ToString()));
    }

    [Fact]
    public void Flags_go_before_variables_and_those_before_the_file()
    {
        const string Text = "[store]\npath = \"/file\"\n[spool]\nmax_size = \"1GiB\"\n";
        var environment = new Dictionary<string, string>
        {
            ["RETENTIOND_STORE_PATH"] = "/variable",
            ["RETENTIOND_SPOOL_MAX_SIZE"] = "2GiB",
            ["RETENTIOND_STORE_LOCAL_DOMAINS"] = "a.example, b.example",
        };
        Settings settings = SettingsFile.Parse(
            Text, "f", environment, new Dictionary<string, string> { ["store.path"] = "/flag" });
        Assert.Equal("/flag", settings.Store.Path);
        Assert.Equal(2L << 30, settings.Spool.SizeMaxBytes);
        Assert.Equal(["a.example", "b.example"], settings.Policy.LocalDomains);
    }

    [Fact]
    public void Mistakes_of_variables_and_flags_name_them()
    {
        ConfigException e = Assert.Throws<ConfigException>(() => SettingsFile.Parse(
            "", "f",
            new Dictionary<string, string>
            {
                ["RETENTIOND_LOG_LEVEL"] = "loud",
                ["RETENTIOND_STORE_PAHT"] = "/x",
            },
            new Dictionary<string, string> { ["store.path"] = "x", ["file.path"] = "/x" }));
        Assert.Equal(
            [
                "command line: file.path is not a single setting",
                "command line: store.path must be a path that begins with '/'",
                "environment: RETENTIOND_LOG_LEVEL must be one of error, warning, info, debug",
                "environment: RETENTIOND_STORE_PAHT is not a setting",
            ],
            e.Errors.Select(static x => x.ToString()).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("1h30m", 5400)]
    [InlineData("2w", 1209600)]
    [InlineData("0s", 0)]
    public void Times_are_read(string text, int seconds)
    {
        Assert.True(Quantity.TrySpan(text, out TimeSpan span));
        Assert.Equal(seconds, span.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("h")]
    [InlineData("1")]
    [InlineData("-1h")]
    [InlineData("99999999999999w")]
    public void No_times_are_refused(string text) => Assert.False(Quantity.TrySpan(text, out _));

    private static Settings Parse(string text) => SettingsFile.Parse(text, "f", s_none, s_none);
}
