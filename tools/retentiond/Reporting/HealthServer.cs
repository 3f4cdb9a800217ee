using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace RetentionEngine.Daemon.Reporting;

/// <summary>/healthz, /readyz and /metrics on a loopback address.</summary>
internal sealed class HealthServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private HealthServer(WebApplication application, IPEndPoint endPoint)
    {
        _application = application;
        EndPoint = endPoint;
    }

    /// <summary>Where it was told to listen.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>The same as an URL, with the port that was given for port 0.</summary>
    public string Url => _application.Urls.First();

    /// <summary>Starts to serve.</summary>
    /// <param name="endPoint">A loopback address.</param>
    /// <param name="status">What is told.</param>
    /// <param name="stillMax">How long the pump may stand still and count as alive.</param>
    /// <exception cref="ArgumentException">The address is not loopback.</exception>
    /// <exception cref="IOException">The address is taken.</exception>
    public static async Task<HealthServer> StartAsync(
        IPEndPoint endPoint, Status status, TimeSpan stillMax)
    {
        if (!IPAddress.IsLoopback(endPoint.Address))
        {
            throw new ArgumentException(
                "Health and metrics are for this machine only.", nameof(endPoint));
        }
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { Args = [], ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 32;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(endPoint);
        });
        WebApplication application = builder.Build();
        application.Run(context => AnswerAsync(context, status, stillMax));
        await application.StartAsync();
        return new HealthServer(application, endPoint);
    }

    public async ValueTask DisposeAsync()
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _application.StopAsync(end.Token);
        await _application.DisposeAsync();
    }

    private static Task AnswerAsync(HttpContext context, Status status, TimeSpan stillMax)
    {
        HttpResponse response = context.Response;
        response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsGet(context.Request.Method)
            && !HttpMethods.IsHead(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }
        string? reason;
        switch (context.Request.Path.Value)
        {
            case "/healthz":
                reason = status.Pump.Still < stillMax ? null : "stuck";
                break;
            case "/readyz":
                reason = NotReady(status.Pump, stillMax);
                break;
            case "/metrics":
                response.ContentType = MetricsText.ContentType;
                return WriteAsync(context, MetricsText.Of(status));
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
        response.ContentType = "text/plain";
        response.StatusCode = reason is null
            ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return WriteAsync(context, (reason ?? "ok") + "\n");
    }

    /// <summary>Why no lines are taken in now, in one word; null = they are.</summary>
    private static string? NotReady(PumpStatus pump, TimeSpan stillMax) => pump.State switch
    {
        PumpState.Running => pump.Still < stillMax ? null : "stuck",
        PumpState.DiskFull => "disk-full",
        PumpState.StoreError => "store-error",
        PumpState.Stopping => "stopping",
        _ => "starting",
    };

    private static Task WriteAsync(HttpContext context, string text) =>
        HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask : context.Response.WriteAsync(text);
}
