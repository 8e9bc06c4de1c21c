// Command season reads the rain of a season and says how many days the mill could work.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"mill.example/weir"
)

const dailyUse = 1200.0 // cubic metres

func workingDays(pond *weir.Pond, rain []float64) int {
	days := 0
	for _, metres := range rain {
		pond.Fill(metres * pond.Area)
		drawn, err := pond.Draw(dailyUse)
		if err == nil && drawn == dailyUse {
			days++
		}
	}
	return days
}

func main() {
	pond := &weir.Pond{Area: 4000, Level: 1, Crest: 2}
	var rain []float64
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		value, err := strconv.ParseFloat(strings.TrimSpace(scanner.Text()), 64)
		if err != nil {
			continue
		}
		rain = append(rain, value/1000)
	}
	fmt.Println(workingDays(pond, rain))
}
