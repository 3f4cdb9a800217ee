using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Onion.Lookup;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Tests;

/// <summary>A folder of a test's own, and a daemon in it.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly List<Task> _daemons = [];
    private readonly CancellationTokenSource _stop = new();

    public string Folder { get; } = Directory.CreateTempSubdirectory("onion-test-").FullName;

    public StringWriter Journal { get; } = new();

    public string Write(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public Settings Configure(IPEndPoint socks, string map, string more = "") =>
        Settings.Read(Write("conf", $"""
            socketmap = unix:{Folder}/map.sock
            tcp_table = unix:{Folder}/tcp.sock
            socks = {socks}
            map_file = {Write("map", map)}
            state_directory = {Folder}/state
            metrics_file = {Folder}/metrics
            {more}
            """));

    public Daemon Start(Settings settings)
    {
        var daemon = new Daemon(settings, new Log(Journal), TimeProvider.System);
        _daemons.Add(daemon.RunAsync(_stop.Token));
        return daemon;
    }

    public async Task StopAsync(Daemon daemon)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_daemons);
        daemon.Dispose();
    }

    /// <summary>Asks the socketmap; the reply without its netstring.</summary>
    public async Task<string> AskAsync(string key, string map = "onion")
    {
        string request = map + " " + key;
        using Socket socket = await ConnectAsync("map.sock");
        await socket.SendAsync(Encoding.UTF8.GetBytes(
            $"{Encoding.UTF8.GetByteCount(request)}:{request},"));
        byte[] reply = new byte[1000];
        int count = await socket.ReceiveAsync(reply);
        string text = Encoding.ASCII.GetString(reply, 0, count);
        return text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..^1];
    }

    public async Task<Socket> ConnectAsync(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(Folder, name)));
        return socket;
    }

    /// <summary>Dials the address in an answer "OK onion:[127.x.y.z]:port".</summary>
    public static async Task<Socket> DialAsync(string answer)
    {
        string address = answer["OK onion:".Length..]
            .Replace("[", "", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(address));
        return socket;
    }

    public void Dispose()
    {
        _stop.Cancel();
        Directory.Delete(Folder, recursive: true);
        _stop.Dispose();
    }

    internal static WaitCredit Credit => new(TimeProvider.System);
}
