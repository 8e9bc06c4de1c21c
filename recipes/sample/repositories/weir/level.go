// Package weir keeps the water of a mill pond at its level.
package weir

import "errors"

// ErrDry is returned where a pond has no water left to give.
var ErrDry = errors.New("the pond is dry")

// Pond holds water up to the crest of its weir.
type Pond struct {
	Area  float64 // square metres
	Level float64 // metres
	Crest float64 // metres
}

// Fill adds water and returns what runs over the crest.
func (p *Pond) Fill(volume float64) float64 {
	p.Level += volume / p.Area
	if p.Level <= p.Crest {
		return 0
	}
	over := (p.Level - p.Crest) * p.Area
	p.Level = p.Crest
	return over
}

// Draw takes water out; it takes what there is where that is less.
func (p *Pond) Draw(volume float64) (float64, error) {
	held := p.Level * p.Area
	if held <= 0 {
		return 0, ErrDry
	}
	if volume > held {
		volume = held
	}
	p.Level -= volume / p.Area
	return volume, nil
}
