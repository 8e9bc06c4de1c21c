/* How much power a water wheel gives. */
#include <math.h>
#include <stddef.h>

static const double GRAVITY = 9.81;
static const double DENSITY = 1000.0;

/* Watts of an overshot wheel: flow in cubic metres a second, head in metres. */
double overshot_power(double flow, double head, double efficiency)
{
    if (flow <= 0.0 || head <= 0.0) {
        return 0.0;
    }
    return DENSITY * GRAVITY * flow * head * efficiency;
}

/* The day of the year with the largest flow; n when there is none. */
size_t best_day(const double *flows, size_t n)
{
    size_t best = n;
    double largest = -INFINITY;
    for (size_t day = 0; day < n; day++) {
        if (isnan(flows[day])) {
            continue;
        }
        if (flows[day] > largest) {
            largest = flows[day];
            best = day;
        }
    }
    return best;
}
