return RetentionEngine.Bench.BenchCommand.Run(args);
