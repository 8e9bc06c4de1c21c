/* A sluice that opens by steps, so that the wheel is not hit by all the water at once. */
#include <stdbool.h>

struct sluice {
    double height;      /* how far it is open, in metres */
    double largest;     /* how far it can be opened */
    double step;        /* how far it moves in a second */
};

bool sluice_is_open(const struct sluice *sluice)
{
    return sluice->height > 0.0;
}

/* Move towards a height for some seconds; returns the height that was reached. */
double sluice_move(struct sluice *sluice, double wanted, double seconds)
{
    double reach = sluice->step * seconds;
    if (wanted > sluice->largest) {
        wanted = sluice->largest;
    }
    if (wanted > sluice->height + reach) {
        sluice->height += reach;
    } else if (wanted < sluice->height - reach) {
        sluice->height -= reach;
    } else {
        sluice->height = wanted;
    }
    return sluice->height;
}
