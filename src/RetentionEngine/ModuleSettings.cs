// Rooms on the stack of up to 8 KB hold what is written there before it is read: clearing them first
// took a twentieth of a query. New code must not count on zeros either.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
