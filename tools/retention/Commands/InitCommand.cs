using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention init</c></summary>
internal sealed class InitCommand : CommandPart
{
    private readonly PolicyOptions _policy = new();

    public InitCommand(CommandTree tree)
        : base("init", "Create an empty store with a policy and a master key.")
    {
        _policy.AddTo(Command);
        tree.Set(Command, Run, """
            Examples:
              retention init --local-domain example.org --timezone Europe/Berlin
              retention init --store /srv/mail.store --key /etc/retention/master.key
              retention init --retain rejected=30d --basis "abuse handling, contract 12"
            """);
    }

    private int Run(ToolContext context)
    {
        RetentionPolicy policy = _policy.Apply(context.Parse, new RetentionPolicy());
        Create(context, policy).Dispose();
        if (context.IsJson)
        {
            return context.Summary(ExitCode.Done, json =>
            {
                json.WriteString("store", Path.GetFullPath(context.StorePath));
                PolicyCommand.WriteMembers(json, policy);
            });
        }
        context.Write($"Created {context.StorePath}\n\n{PolicyCommand.ToText(context, policy)}");
        return ExitCode.Done;
    }

    /// <summary>Creates the store, and the directories above it.</summary>
    public static RetentionStore Create(ToolContext context, RetentionPolicy policy)
    {
        string? parent = Path.GetDirectoryName(Path.GetFullPath(context.StorePath));
        try
        {
            if (parent is not null)
            {
                Directory.CreateDirectory(parent);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RetentionException(
                RetentionError.StoreExists,
                $"'{parent}' can't be created: {e.Message}",
                parent,
                inner: e);
        }
        return RetentionStore.Create(context.StorePath, policy, context.StoreOptions);
    }
}
