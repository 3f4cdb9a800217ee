using RetentionEngine.Daemon.Pumping;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

public sealed class TrustedClockTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    private readonly TwoClocks _machine = new(s_start);
    private bool _isSynchronised;

    [Fact]
    public void BeforeItKnowsAnythingNothingIsOld() =>
        Assert.Equal(DateTimeOffset.UnixEpoch, Make().GetUtcNow());

    [Fact]
    public void AClockThatGoesOnAsTimePassesIsTaken()
    {
        TrustedClock clock = Make();
        clock.Begin(null);
        for (int i = 1; i <= 100; i++)
        {
            _machine.Pass(TimeSpan.FromSeconds(60));
            Assert.Equal(s_start.AddSeconds(60 * i), clock.GetUtcNow());
        }
    }

    [Fact]
    public void AWrongClockAtTheStartIsNotTakenUntilItWasSteadyForAnHour()
    {
        DateTimeOffset lastCommit = s_start.AddDays(-10);
        TrustedClock clock = Make();
        clock.Begin(lastCommit);
        for (int minutes = 0; minutes < 60; minutes++)
        {
            Assert.Equal(lastCommit.AddMinutes(minutes), clock.GetUtcNow());
            _machine.Pass(TimeSpan.FromMinutes(1));
        }
        Assert.Equal(s_start.AddHours(1), clock.GetUtcNow());
    }

    [Fact]
    public void ASynchronisedClockIsTakenAtOnce()
    {
        _isSynchronised = true;
        TrustedClock clock = Make();
        clock.Begin(s_start.AddDays(-10));
        Assert.Equal(s_start, clock.GetUtcNow());
    }

    [Theory]
    [InlineData(5)]
    [InlineData(86_400)]
    public void AStepForwardIsHeldBackAndAStepBackAgainHeals(int seconds)
    {
        TrustedClock clock = Make();
        clock.Begin(null);
        Assert.Equal(s_start, clock.GetUtcNow());
        _machine.Step(TimeSpan.FromSeconds(seconds));
        _machine.Pass(TimeSpan.FromMinutes(59));
        Assert.Equal(s_start.AddMinutes(59), clock.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(seconds), clock.Ahead);
        _machine.Step(TimeSpan.FromSeconds(-seconds));
        _machine.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal(s_start.AddMinutes(60), clock.GetUtcNow());
        Assert.Equal(TimeSpan.Zero, clock.Ahead);
    }

    [Fact]
    public void AStepBackIsTakenAtOnce()
    {
        TrustedClock clock = Make();
        clock.Begin(null);
        _machine.Step(TimeSpan.FromDays(-1));
        Assert.Equal(s_start.AddDays(-1), clock.GetUtcNow());
    }

    [Fact]
    public void AClockThatIsSteppedOnAndOnIsNeverTaken()
    {
        TrustedClock clock = Make();
        clock.Begin(null);
        for (int i = 1; i <= 200; i++)
        {
            _machine.Step(TimeSpan.FromHours(1));
            _machine.Pass(TimeSpan.FromMinutes(30));
            Assert.Equal(s_start.AddMinutes(30 * i), clock.GetUtcNow());
        }
    }

    [Fact]
    public void ASuspendLooksLikeAStepUntilSomebodyVouches()
    {
        TrustedClock clock = Make();
        clock.Begin(null);
        // The monotonic clock stands still in a suspend.
        _machine.Step(TimeSpan.FromHours(8));
        Assert.Equal(s_start, clock.GetUtcNow());
        _isSynchronised = true;
        Assert.Equal(s_start.AddHours(8), clock.GetUtcNow());
    }

    /// <summary>Whatever the clocks do, it is never later than both the wall and what has passed.</summary>
    [Fact]
    public void NeverAheadOfBothClocks()
    {
        const int Seed = 20261125;
        var random = new Random(Seed);
        for (int round = 0; round < 200; round++)
        {
            var machine = new TwoClocks(s_start);
            var clock = new TrustedClock(machine, () => false);
            clock.Begin(s_start.AddSeconds(-random.Next(100_000)));
            DateTimeOffset last = clock.GetUtcNow();
            for (int i = 0; i < 100; i++)
            {
                TimeSpan passed = TimeSpan.FromSeconds(random.Next(600));
                machine.Pass(passed);
                bool isStep = random.Next(4) == 0;
                if (isStep)
                {
                    machine.Step(TimeSpan.FromSeconds(random.Next(-100_000, 100_000)));
                }
                DateTimeOffset now = clock.GetUtcNow();
                Assert.True(now <= machine.GetUtcNow() + TrustedClock.Tolerance || now <= last + passed,
                    $"seed {Seed}, round {round}, step {i}");
                if (isStep)
                {
                    // A step is never followed at once.
                    Assert.True(now <= last + passed + TrustedClock.Tolerance,
                        $"seed {Seed}, round {round}, step {i}");
                }
                last = now;
            }
        }
    }

    private TrustedClock Make() => new(_machine, () => _isSynchronised);

    /// <summary>A machine whose wall clock can be set while time passes.</summary>
    private sealed class TwoClocks(DateTimeOffset start) : TimeProvider
    {
        private DateTimeOffset _wall = start;
        private long _monotonic;

        public void Pass(TimeSpan time)
        {
            _wall += time;
            _monotonic += time.Ticks;
        }

        public void Step(TimeSpan step) => _wall += step;

        public override DateTimeOffset GetUtcNow() => _wall;

        public override long GetTimestamp() => _monotonic;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    }
}
