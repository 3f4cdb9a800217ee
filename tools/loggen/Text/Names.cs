using System.Text;

namespace LogGen.Text;

/// <summary>Word lists and the made-up domains.</summary>
internal static class Names
{
    /// <summary>The domains a reader of the log has to configure as local.</summary>
    public static readonly string[] LocalDomains =
    [
        "example.org", "example.com", "verein.example.org", "schule.example.com",
            "firma.example.org",
    ];

    private const string FirstNames =
        "anna ben clara david emma felix greta hans ida jonas katja lukas maria nils olga paul "
        + "rosa stefan tina uwe vera walter xenia yannick zoe adam berta carl doris erik frieda "
        + "georg hanna igor julia karl lena max nora otto petra ralf sara thomas ursula viktor "
        + "wiebke aylin bogdan chiara dmitri elif fatima giulia henrik ines jakub kemal laura "
        + "mehmet nina oskar piotr quentin renate samir tamara ulla valentin wanda agnes boris";

    private const string LastNames =
        "mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann koch bauer "
        + "richter klein wolf schroeder neumann schwarz zimmermann braun krueger hofmann hartmann "
        + "lange werner krause lehmann koehler maier herrmann koenig walter huber kaiser fuchs "
        + "peters lang scholz moeller weiss jung hahn vogel friedrich keller guenther frank berger "
        + "winkler roth beck lorenz baumann franke albrecht schuster simon ludwig boehm winter "
        + "kraus martin schumacher kraemer vogt stein jaeger otto sommer gross seidel heinrich "
        + "brandt haas schreiber graf dietrich ziegler kuhn kuehn pohl engel horn busch bergmann "
        + "thomas voigt sauer arnold wolff pfeiffer yilmaz nowak kowalski rossi ivanov novak silva";

    private const string Providers =
        "bigmail freemail webpost mailhaus postbox cloudmail telemail unipost quickmail citynet "
        + "schoolmail outpost";

    private const string DomainWords =
        "blau nord alpha stadt berg tech soft hand werk bau auto media print land wasser licht "
        + "holz metall reise garten buch musik sport foto design data net web shop markt haus hof "
        + "wald see fluss sonne mond stern wind feuer stein sand gold silber eisen kupfer";

    private const string Roles =
        "info sales support office kontakt webmaster hostmaster postmaster abuse jobs billing "
        + "service team vorstand presse einkauf verwaltung noreply events datenschutz";

    public static readonly byte[][] First = Split(FirstNames);
    public static readonly byte[][] Last = Split(LastNames);
    public static readonly byte[][] Role = Split(Roles);
    public static readonly byte[][] LocalDomain = Array.ConvertAll(LocalDomains,
        Encoding.ASCII.GetBytes);

    private static readonly byte[][] s_providers = Split(Providers);
    private static readonly byte[][] s_words = Split(DomainWords);

    public static int ProviderCount => s_providers.Length;

    /// <summary>
    /// Every number is a domain of its own; the first few are the large providers.
    /// </summary>
    public static void WriteDomain(ByteWriter writer, int domain)
    {
        if (domain < s_providers.Length)
        {
            writer.Put(s_providers[domain]);
        }
        else
        {
            int pairs = s_words.Length * s_words.Length;
            int pair = (int)((long)domain * 1009 % pairs);
            writer.Put(s_words[pair / s_words.Length]);
            if (domain % 3 == 0)
            {
                writer.Put((byte)'-');
            }
            writer.Put(s_words[pair % s_words.Length]);
            if (domain >= pairs)
            {
                writer.Put(domain / pairs);
            }
        }
        writer.Put(".example.net"u8);
    }

    public static string RoleText(int index) => Encoding.ASCII.GetString(Role[index % Role.Length]);

    // Distinct words are what makes addresses of different numbers different.
    private static byte[][] Split(string words) =>
        Array.ConvertAll(words.Split(' ').Distinct(StringComparer.Ordinal).ToArray(),
            Encoding.ASCII.GetBytes);
}
