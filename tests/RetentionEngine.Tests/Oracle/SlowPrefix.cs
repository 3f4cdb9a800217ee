using System.Globalization;
using System.Text.RegularExpressions;

namespace RetentionEngine.Tests.Oracle;

/// <summary>Rewrites the rare prefixes into the usual one, so that one pattern reads them all.</summary>
internal static class SlowPrefix
{
    private const string Clock = @"\d\d:\d\d:\d\d";
    private const string Fraction = @"[.,]\d{1,9}";
    private const string Months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";

    // How a line begins up to its host.
    private const string Begin = @"^(?:<\d{1,3}>)?";
    private const string Stamp =
        @"(?:(?:" + Months + @") (?: \d|\d\d|\d) " + Clock + "(?:" + Fraction + @")?|\d{4}-[^ ]+)";

    private const string Facility =
        @"(?:mail|daemon|auth|authpriv|user|local[^. >]*)\.(?:info|notice|warn|warning|err|debug[^ >]*)";

    private static readonly Regex s_yearFirst = SlowParser.Pattern(
        "(?<begin>" + Begin + @"(?:dovecot: )?)(?<year>(?:19[7-9]|20\d)\d) (?<month>" + Months
        + @") (?<day> \d|\d\d|\d) (?<clock>" + Clock + "(?:" + Fraction + ")?) ");

    private static readonly Regex s_yearBehind = SlowParser.Pattern(
        "(?<begin>" + Begin + @"(?:dovecot: )?)(?<month>" + Months
        + @") (?<day> \d|\d\d|\d) (?<year>(?:19[7-9]|20\d)\d) (?<clock>" + Clock + "(?:" + Fraction + ")?) ");

    private static readonly Regex s_spaced = SlowParser.Pattern(
        "(?<begin>" + Begin + @"(?:dovecot: )?)(?<date>\d{4}-\d\d-\d\d) (?<clock>" + Clock + ")");

    private static readonly Regex s_unix = SlowParser.Pattern(
        "(?<begin>" + Begin + @")(?<seconds>\d{9,11})\.(?<fraction>\d{1,9}) ");

    private static readonly Regex s_dovecotFirst = SlowParser.Pattern(
        "(?<begin>" + Begin + @")dovecot: (?<stamp>" + Stamp + ") ");

    private static readonly Regex s_dovecot = SlowParser.Pattern(
        "(?<begin>" + Begin + Stamp + " )(?<text>(?:(?:imap|pop3|lmtp|lda|deliver|managesieve"
        + @"|submission|imap-hibernate|IMAP|POP3)\(|[A-Za-z0-9-]*-login: ))");

    private static readonly Regex s_hostless = SlowParser.Pattern(
        "(?<begin>" + Begin + Stamp + @" )(?<tag>[^ ]*): ");

    private static readonly Regex s_bracketed = SlowParser.Pattern(
        "(?<begin>" + Begin + Stamp + " )<" + Facility + "> ");

    private static readonly Regex s_column = SlowParser.Pattern(
        "(?<begin>" + Begin + Stamp + " [^ ]+ )" + Facility + " ");

    private static readonly Regex s_solaris = SlowParser.Pattern(
        "(?<begin>" + Begin + Stamp + @" [^ ]+ [^ ]+: )\[ID [^\]]*\] ");

    private static readonly Regex s_sogo = SlowParser.Pattern(
        "(?<begin>" + Begin + Stamp + @" [^ ]+ sogod) (?<pid>\[)");

    public static string Usual(string line)
    {
        line = s_yearFirst.Replace(line, Dated, 1);
        line = s_yearBehind.Replace(line, Dated, 1);
        line = s_spaced.Replace(line, "${begin}${date}T${clock}", 1);
        line = s_unix.Replace(
            line,
            m => m.Groups["begin"].Value + DateTime.UnixEpoch.AddSeconds(
                long.Parse(m.Groups["seconds"].Value, CultureInfo.InvariantCulture)).ToString(
                "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture)
                + "." + m.Groups["fraction"].Value + "Z ",
            1);
        line = s_bracketed.Replace(line, "${begin}", 1);
        string before = line;
        line = s_dovecotFirst.Replace(line, "${begin}${stamp} - dovecot: ", 1);
        line = ReferenceEquals(before, line) ? s_dovecot.Replace(line, "${begin}- dovecot: ${text}", 1) : line;
        line = ReferenceEquals(before, line) ? s_hostless.Replace(line, "${begin}- ${tag}: ", 1) : line;
        line = s_column.Replace(line, "${begin}", 1);
        line = s_sogo.Replace(line, "${begin}${pid}", 1);
        return ReferenceEquals(before, line) || !line.Contains(" - ", StringComparison.Ordinal)
            ? s_solaris.Replace(line, "${begin}", 1) : line;
    }

    private static string Dated(Match m)
    {
        string month = ((Months.IndexOf(m.Groups["month"].Value, StringComparison.Ordinal) / 4) + 1)
            .ToString("00", CultureInfo.InvariantCulture);
        string day = m.Groups["day"].Value.Trim().PadLeft(2, '0');
        return $"{m.Groups["begin"].Value}{m.Groups["year"].Value}-{month}-{day}T{m.Groups["clock"].Value} ";
    }
}
