// The price and time map.
