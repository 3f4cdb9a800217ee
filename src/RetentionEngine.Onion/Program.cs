using System.Net.Sockets;
using System.Runtime.InteropServices;
using RetentionEngine.Onion.Commands;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion;

/// <summary>The command line of onion-transport.</summary>
internal static class Program
{
    /// <summary>Exit codes of sysexits.h, which Postfix's people know.</summary>
    public const int Usage = 64;
    public const int Unavailable = 69;
    public const int CannotCreate = 73;
    public const int WrongConfig = 78;

    private const string Help = """
        usage: onion-transport [--config FILE] COMMAND

          serve               answer Postfix's lookups and carry its mail through Tor
          lookup DOMAIN       say what would be done with mail for a domain, and why
          test DOMAIN         walk the whole way to a domain's server, without sending mail
          publish DOMAIN ONION[:PORT]
                              print the DNS records that announce an onion
          check [--postfix DIR] [--torrc FILE] [--unbound FILE] [--map FILE]
                              inspect an installation and name each hole

        The configuration is /etc/onion-transport/onion-transport.conf.
        """;

    public static async Task<int> Main(string[] args)
    {
        string config = Settings.DefaultPath;
        if (args is ["--config", string path, ..])
        {
            config = path;
            args = args[2..];
        }
        try
        {
            return args switch
            {
                ["serve"] => await ServeAsync(Settings.Read(config)),
                ["lookup", string domain] =>
                    await LookupCommand.RunAsync(Settings.Read(config), domain, Console.Out),
                ["test", string domain] =>
                    await TestCommand.RunAsync(Settings.Read(config), domain, Console.Out),
                ["publish", string domain, string onion] =>
                    PublishCommand.Run(domain, onion, Console.Out, Console.Error),
                ["check", .. string[] options] =>
                    CheckCommand.Run(options, Console.Out, Console.Error),
                ["--help"] or ["help"] => Say(Console.Out, Help, 0),
                _ => Say(Console.Error, Help, Usage),
            };
        }
        catch (ConfigException e)
        {
            return Say(Console.Error, "onion-transport: " + e.Message, WrongConfig);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or SocketException)
        {
            return Say(Console.Error, "onion-transport: " + e.Message, CannotCreate);
        }
    }

    private static async Task<int> ServeAsync(Settings settings)
    {
        using var daemon = new Daemon(settings, new Log(Console.Error), TimeProvider.System);
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await daemon.RunAsync(stop.Token);
        return 0;
    }

    private static int Say(TextWriter target, string text, int code)
    {
        target.WriteLine(text);
        return code;
    }
}
