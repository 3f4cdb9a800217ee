using RetentionEngine.Onion.Names;

namespace RetentionEngine.Onion.Commands;

/// <summary>Prints the records that announce an onion, in the form of a zone file.</summary>
internal static class PublishCommand
{
    public static int Run(string name, string onion, TextWriter output, TextWriter errors)
    {
        string? domain = DomainName.Normalize(name);
        OnionFault fault = OnionTarget.Parse(onion, out OnionTarget? target);
        if (domain == null || target == null)
        {
            errors.WriteLine("onion-transport: "
                + (domain == null ? "not a domain" : OnionName.Describe(fault)));
            return 65;
        }
        output.WriteLine("; Worth something only in a zone signed with DNSSEC: others ignore it.");
        output.WriteLine(FormattableString.Invariant(
            $"_onion-mx._tcp.{domain}. 3600 IN SRV 0 5 {target.Port} {target.Onion}."));
        output.WriteLine("; For those who look for a text instead:");
        string port = target.Port == OnionTarget.SmtpPort
            ? "" : FormattableString.Invariant($":{target.Port}");
        output.WriteLine($"{domain}. 3600 IN TXT \"onion-mx={target.Onion}{port}\"");
        return 0;
    }
}
