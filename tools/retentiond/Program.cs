using RetentionEngine.Daemon;

return await Cli.RunAsync(args);
