"""What our functions ask of AWS, held against their policies; never deployed."""
